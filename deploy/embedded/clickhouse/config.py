"""The engine's configuration: what its one user may do, and how much memory it may take.

chDB gives its user every right, and reads files through table names. Written here as for a server
(`users`, `grants`, constraints on settings), the engine itself refuses what reaches outside.
"""

from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

# A third of a 4 GB laptop: the workers, the broker and the desktop have the rest.
MEMORY_BYTES: Final = 1_500_000_000
# An answer is held whole, and copied on its way out, beyond what the engine counts.
RESULT_BYTES: Final = 400_000_000

_GRANTS: Final = (
    "SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, UNDROP TABLE, "
    "TRUNCATE, OPTIMIZE, CHECK, KILL QUERY ON *.*"
)
_ENGINES: Final = (
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "CoalescingMergeTree",
    "View",
    "MaterializedView",
    "Memory",
    "Null",
    "Log",
    "TinyLog",
    "StripeLog",
    "Join",
    "Set",
    "Buffer",
    "Merge",
    "GenerateRandom",
    "Atomic",
)
# Settings that name files or addresses, that hold SQL of their own, or that change the language
# the gate reads.
_CONSTANT_SETTINGS: Final = (
    "additional_result_filter",
    "additional_table_filters",
    "ai_function_embedding_default_credentials",
    "ai_function_text_default_credentials",
    "allow_experimental_eval_table_function",
    "allow_settings_after_format_in_insert",
    "async_insert",
    "dialect",
    "format_avro_schema_registry_url",
    "format_schema",
    "format_schema_source",
    "format_template_resultset",
    "format_template_row",
    "implicit_table_at_top_level",
    "input_format_record_errors_file_path",
    "output_format_schema",
    "parallel_replicas_custom_key",
    "polyglot_dialect",
    "s3_base",
    "url_base",
)


def write_config(path: Path) -> None:
    """Write the configuration file of an engine to `path`; it names itself as the users' file."""
    root = ET.Element("clickhouse")
    _add(root, "users_config", str(path))
    _add(root, "default_database", OVERLAY)
    _add(root, "timezone", "UTC")
    _add(root, "max_server_memory_usage", str(MEMORY_BYTES))
    _add(root, "mark_cache_size", str(MEMORY_BYTES // 16))
    _add(root, "background_pool_size", "2")
    access = ET.SubElement(root, "access_control_improvements")
    _add(access, "table_engines_require_grant", "true")
    profile = ET.SubElement(ET.SubElement(root, "profiles"), "default")
    # The answer to an INSERT means "on disk": rows waiting in memory would not survive a kill.
    _add(profile, "async_insert", "0")
    _add(profile, "max_result_bytes", str(RESULT_BYTES))
    constraints = ET.SubElement(profile, "constraints")
    for setting in _CONSTANT_SETTINGS:
        ET.SubElement(ET.SubElement(constraints, setting), "const")
    ET.SubElement(ET.SubElement(root, "quotas"), "default")
    user = ET.SubElement(ET.SubElement(root, "users"), "default")
    _add(user, "password", "")
    _add(ET.SubElement(user, "networks"), "ip", "::/0")
    _add(user, "profile", "default")
    _add(user, "quota", "default")
    grants = ET.SubElement(user, "grants")
    _add(grants, "query", f"GRANT {_GRANTS}")
    for engine in _ENGINES:
        _add(grants, "query", f"GRANT TABLE ENGINE ON {engine}")
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


# chDB lays a view of the working directory's files over its default database. It gets this name
# and is dropped at the start, so that `default` can be an ordinary database.
OVERLAY: Final = "_files"


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text
