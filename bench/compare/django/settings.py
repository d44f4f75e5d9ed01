"""The original's design, as it would be deployed: production settings, logging off."""

import os
from datetime import timedelta

SECRET_KEY = os.environ['SECRET_KEY']
DEBUG = False
ALLOWED_HOSTS = ['127.0.0.1']
ROOT_URLCONF = 'service.urls'
INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'rest_framework', 'service']
MIDDLEWARE = []
AUTH_USER_MODEL = 'service.User'
USE_TZ = True
TIME_ZONE = 'Asia/Shanghai'
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
LOGGING_CONFIG = None

DATABASES = {'default': {
    'ENGINE': 'django.db.backends.postgresql',
    'HOST': os.environ['PGHOST'],
    'PORT': os.environ['PGPORT'],
    'USER': os.environ['PGUSER'],
    'NAME': os.environ['PGDATABASE'],
    'CONN_MAX_AGE': None,  # one connection a thread, kept
}}

REST_FRAMEWORK = {
    'DEFAULT_RENDERER_CLASSES': ['rest_framework.renderers.JSONRenderer'],
    'DEFAULT_PARSER_CLASSES': ['rest_framework.parsers.JSONParser'],
    'DEFAULT_AUTHENTICATION_CLASSES': ['rest_framework_simplejwt.authentication.JWTAuthentication'],
    'DEFAULT_PERMISSION_CLASSES': ['rest_framework.permissions.IsAuthenticated'],
    'DEFAULT_THROTTLE_RATES': {'login': '5/min' if os.environ.get('RATE_LIMIT') else None},
}
SIMPLE_JWT = {
    'SIGNING_KEY': SECRET_KEY,
    'ACCESS_TOKEN_LIFETIME': timedelta(days=7),
    'REFRESH_TOKEN_LIFETIME': timedelta(days=30),
}

WECHAT_URL = os.environ['WECHAT_URL']
WECHAT_APPID = os.environ['WECHAT_APPID']
WECHAT_SECRET = os.environ['WECHAT_SECRET']
