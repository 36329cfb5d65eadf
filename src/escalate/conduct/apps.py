"""The record as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class ConductConfig(AppConfig):
    """Its name and label."""

    name = "escalate.conduct"
    label = "conduct"
    verbose_name = "Trial record"
    default_auto_field = "django.db.models.BigAutoField"
