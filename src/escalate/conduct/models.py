"""The tables of the record: entries, which nobody can change, and what the server needs beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models


class RecordEntry(models.Model):
    """An entry of a chain; triggers of the database refuse to change or delete it."""

    hash: models.CharField[str, str] = models.CharField(primary_key=True, max_length=64)
    chain: models.CharField[str, str] = models.CharField(max_length=40)
    number: models.PositiveBigIntegerField[int, int] = models.PositiveBigIntegerField()
    at: models.CharField[str, str] = models.CharField(max_length=32)
    by: models.CharField[str, str] = models.CharField(max_length=150)
    via: models.CharField[str, str] = models.CharField(max_length=80)
    kind: models.CharField[str, str] = models.CharField(max_length=40)
    body: models.TextField[str, str] = models.TextField()
    request: models.CharField[str, str] = models.CharField(max_length=80)
    previous: models.CharField[str, str] = models.CharField(max_length=64)

    class Meta:
        """Where it is, and what is unique."""

        app_label = "conduct"
        db_table = "escalate_entry"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["chain", "number"], name="escalate_one_entry_a_number"),
            models.UniqueConstraint(
                fields=["chain", "request"], condition=~models.Q(request=""), name="escalate_one_entry_a_request"
            ),
        ]

    def __str__(self) -> str:
        """Return chain and number."""
        return f"{self.chain} {self.number}"


class ApiToken(models.Model):
    """A person's token for the API: its hash alone, and when it ends."""

    user: models.ForeignKey[Any, Any] = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    label: models.CharField[str, str] = models.CharField(max_length=80)
    sha256: models.CharField[str, str] = models.CharField(max_length=64, unique=True)
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    expires: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    withdrawn: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True)

    class Meta:
        """Where it is."""

        app_label = "conduct"
        db_table = "escalate_token"

    def __str__(self) -> str:
        """Return whose, and for what."""
        return f"{self.user}: {self.label}"


class Secret(models.Model):
    """What the server signs sessions with; made once for a database."""

    name: models.CharField[str, str] = models.CharField(primary_key=True, max_length=40)
    value: models.CharField[str, str] = models.CharField(max_length=200)

    class Meta:
        """Where it is."""

        app_label = "conduct"
        db_table = "escalate_secret"

    def __str__(self) -> str:
        """Return the name, never the value."""
        return self.name
