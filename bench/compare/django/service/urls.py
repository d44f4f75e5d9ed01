from django.urls import path
from rest_framework_simplejwt.views import TokenRefreshView

from .views import LoginView, SmallView

urlpatterns = [
    path('api/login/', LoginView.as_view()),
    path('api/token/refresh/', TokenRefreshView.as_view()),
    path('guarded/small.txt', SmallView.as_view()),
]
