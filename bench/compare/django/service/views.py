import uuid

import requests
from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from requests.adapters import HTTPAdapter
from rest_framework import serializers, throttling
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken

from .models import User

AVATAR = 'https://www.gravatar.com/avatar/00000000000000000000000000000000?d=mp&f=y'
SMALL = b'x' * 200
wechat = requests.Session()
wechat.trust_env = False
wechat.mount('http://', HTTPAdapter(pool_maxsize=32))


class LoginSerializer(serializers.Serializer):
    code = serializers.CharField(max_length=128)


class UserSerializer(serializers.ModelSerializer):
    orders_count = serializers.ReadOnlyField(default=0)
    completed_orders_count = serializers.ReadOnlyField(default=0)

    class Meta:
        model = User
        fields = ['id', 'orders_count', 'completed_orders_count', 'is_superuser', 'is_staff', 'is_active',
                  'date_joined', 'openid', 'username', 'avatar_url', 'phone', 'email', 'user_type',
                  'last_login_at']


class LoginThrottle(throttling.SimpleRateThrottle):
    scope = 'login'

    def get_cache_key(self, request, view):
        return 'login_' + self.get_ident(request)


def get_or_create_wechat_user(openid):
    user = User.objects.filter(openid=openid).first()
    if user is None:
        user = User(openid=openid, username='用户_' + str(uuid.uuid4())[:16], avatar_url=AVATAR)
        user.set_unusable_password()
        user.save(force_insert=True)
    else:
        user.last_login_at = timezone.now()
        user.save(update_fields=['last_login_at'])
    return user


class LoginView(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []
    throttle_classes = [LoginThrottle]

    def post(self, request):
        body = LoginSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            answer = wechat.get(settings.WECHAT_URL + '/sns/jscode2session', timeout=10, params={
                'appid': settings.WECHAT_APPID, 'secret': settings.WECHAT_SECRET,
                'js_code': body.validated_data['code'], 'grant_type': 'authorization_code'}).json()
        except (requests.RequestException, ValueError):
            return Response({'error': 'Failed to connect to WeChat API'}, status=503)
        if answer.get('errcode'):
            return Response({'error': 'WeChat API error', 'errcode': answer['errcode']}, status=400)
        user = get_or_create_wechat_user(answer['openid'])
        refresh = RefreshToken.for_user(user)
        return Response({'access': str(refresh.access_token), 'refresh': str(refresh),
                         'user': UserSerializer(user).data})


class SmallView(APIView):
    def get(self, request):
        return HttpResponse(SMALL, content_type='text/plain')
