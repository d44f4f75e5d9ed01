from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone


class User(AbstractBaseUser):
    last_login = None
    openid = models.CharField(max_length=64, unique=True, null=True)
    username = models.CharField(max_length=150, unique=True)
    avatar_url = models.CharField(max_length=200)
    phone = models.CharField(max_length=20, null=True)
    email = models.CharField(max_length=254, null=True)
    user_type = models.CharField(max_length=20, default='wechat')
    last_login_at = models.DateTimeField(default=timezone.now)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = 'username'

    class Meta:
        db_table = 'wxlogin_user'  # the same rows as everybody's
        managed = False
