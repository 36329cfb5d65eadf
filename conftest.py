"""What every test needs before modules are imported: the models of the record exist once Django is configured."""

from __future__ import annotations

import django
from django.conf import settings

from escalate.conduct.settings import settings_for

if not settings.configured:
    # No database is named yet: each test names its own.
    settings.configure(**settings_for("no-database-is-named-yet.db"))
    django.setup()
