"""
How Sphinx builds the site from the Markdown of this repository.

build.py runs it.  Pages keep their paths, so a link that works on GitHub works on the site.
What is particular to this project is in the modules beside this file.
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "twisted_sse"
author = "The twisted_sse authors"
project_copyright = author
release = version = version_of("twisted-sse")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    # Beside this file.
    "apipages",
    "diagrams",
    "programs",
    "sections",
]

# The sources are the whole repository; these are its pages.
root_doc = "docs/index"
include_patterns = [
    *("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md"),
    *(f"tests/{name}/README.md" for name in ("chaos", "conformance", "mercure")),
    *("docs/**.md", "examples/**.md", "examples/**.py"),
]
exclude_patterns = [
    *(".*", "build", "dist", "twisted*", "newsfragments", "tools", "docs/_site"),
    *("browser", "deploy", "**/node_modules", "**/*.egg-info", "**/__pycache__"),
]

# Headings have the anchors that GitHub gives them.
myst_heading_anchors = 6
myst_enable_extensions = ["colon_fence"]

# Docstrings name code in single backticks, and describe arguments as Google's do.
default_role = "py:obj"
# What a class inherits from Twisted or Klein is documented there.
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
# The headings are the contents of a page; every member in every sidebar takes long to build.
toc_object_entries = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
python_maximum_signature_line_length = 88

# JSON with an ellipsis, and the languages that Pygments does not know, are shown without colors.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"twisted_sse {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
# A page that leads from the root of the site to the first page.
html_extra_path = ["top"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = "$ "
# What a command printed is not copied; a block without a prompt is copied whole.
copybutton_only_copy_prompt_lines = True
