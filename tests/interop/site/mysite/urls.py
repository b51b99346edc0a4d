from django.urls import path
from photos.views import upload

urlpatterns = [path("photos/<int:photo_id>/", upload)]
