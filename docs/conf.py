"""How Sphinx builds the documentation: `scripts/docs.sh`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from escalate import __version__

project = "escalate"
author = "The escalate authors"
project_copyright = author
version = release = __version__
language = "en"
# An option is written with two hyphens, and stays so.
smartquotes = False

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "_ext.site"]
exclude_patterns = ["_ext", "**/.ipynb_checkpoints"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]
highlight_language = "text"

# A notebook kept from an earlier build would show what an earlier version of the library said.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
# What a notebook writes to standard error is no part of a page that is to be the same on every machine.
nb_output_stderr = "remove"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"escalate {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5394", "color-brand-content": "#0b5394"},
    "dark_css_variables": {"color-brand-primary": "#8ab8e6", "color-brand-content": "#8ab8e6"},
}
