"""What a Kafka of one node is told before it starts."""

import base64
from pathlib import Path

from arnia.local.servers.kafka import cluster_id, read_properties


def test_no_identity_of_a_cluster_is_taken_for_an_option() -> None:
    """Each new cluster has another identity, of 16 bytes, and none begins with a dash."""
    drawn = {cluster_id() for _ in range(1000)}
    assert len(drawn) == 1000
    assert {len(base64.urlsafe_b64decode(f"{one}==")) for one in drawn} == {16}
    assert not [one for one in drawn if one.startswith("-")]


def test_properties_of_its_own_are_read_as_they_are_written(tmp_path: Path) -> None:
    """A value may hold what parts names from values, and what is commented out is not set."""
    file = tmp_path / "own.properties"
    file.write_text('# log.dirs=/nowhere\n\n  listeners = A://x:1,B://y:2\njaas=module required a="b";\nempty=\n')
    assert read_properties(file) == {"listeners": "A://x:1,B://y:2", "jaas": 'module required a="b";', "empty": ""}
