"""The first tables of the record, and the triggers that keep its entries as they were written."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from escalate.conduct.triggers import create


class Migration(migrations.Migration):
    """Entries, tokens, the server's secret."""

    initial = True

    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]  # noqa: RUF012 - Django's own form

    operations = [  # noqa: RUF012 - Django's own form
        migrations.CreateModel(
            name="Secret",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("value", models.CharField(max_length=200)),
            ],
            options={"db_table": "escalate_secret"},
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(max_length=80)),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("created", models.DateTimeField()),
                ("expires", models.DateTimeField()),
                ("withdrawn", models.DateTimeField(null=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={"db_table": "escalate_token"},
        ),
        migrations.CreateModel(
            name="RecordEntry",
            fields=[
                ("hash", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("chain", models.CharField(max_length=40)),
                ("number", models.PositiveBigIntegerField()),
                ("at", models.CharField(max_length=32)),
                ("by", models.CharField(max_length=150)),
                ("via", models.CharField(max_length=80)),
                ("kind", models.CharField(max_length=40)),
                ("body", models.TextField()),
                ("request", models.CharField(max_length=80)),
                ("previous", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "escalate_entry",
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "number"), name="escalate_one_entry_a_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("request", ""), _negated=True),
                        fields=("chain", "request"),
                        name="escalate_one_entry_a_request",
                    ),
                ],
            },
        ),
        migrations.RunPython(create, migrations.RunPython.noop),
    ]
