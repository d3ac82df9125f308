"""What the door would refuse of a frame, asked before it is sent."""

from streams.codecs.judgement import judge
from streams.domain.admission import admit
from streams.domain.frames import Rejection
from streams.domain.rosters import Rosters
from streams.settings import Settings


def refused(
    community_id: str, value: bytes, rosters: Rosters, settings: Settings
) -> list[Rejection]:
    """Return what metering refuses of a community's frame by what is registered; its time aside."""
    judged = judge(
        community_id.encode(), value, offset=0, generation=0, max_bytes=settings.max_frame_bytes
    )
    admission = admit([] if judged.frame is None else [judged.frame], rosters)
    return [*judged.rejections, *admission.rejections]
