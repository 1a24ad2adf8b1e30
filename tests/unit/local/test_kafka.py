"""What a Kafka of one node is told before it starts."""

import base64

from arnia.local.servers.kafka import cluster_id


def test_no_identity_of_a_cluster_is_taken_for_an_option() -> None:
    """Each new cluster has another identity, of 16 bytes, and none begins with a dash."""
    drawn = {cluster_id() for _ in range(1000)}
    assert len(drawn) == 1000
    assert {len(base64.urlsafe_b64decode(f"{one}==")) for one in drawn} == {16}
    assert not [one for one in drawn if one.startswith("-")]
