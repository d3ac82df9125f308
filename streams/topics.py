"""Every topic of the system: its name, its key, what it holds and how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiokafka.admin
from aiokafka.errors import TopicAlreadyExistsError, for_code
from pydantic import BaseModel

from schemas.autarky import AutarkyChange, AutarkyIntervals
from schemas.batteries import BatteryDirective
from schemas.energy_balance import GridMinute, GridPartial
from schemas.ev_charging import (
    ChargeDirective,
    ChargePlan,
    ChargePromise,
    EvSession,
    RejectedSession,
)
from schemas.malfunction import Malfunction, TicketCommand
from schemas.metering import (
    CommunityMinute,
    EditedReading,
    HouseholdIntervals,
    MeterFrame,
    RejectedReading,
)
from schemas.notifications import Notification, NotificationState, Subscription
from schemas.persons import Person
from schemas.prices import Price
from schemas.production import (
    BatteryCommitment,
    PlantMinute,
    PlantReading,
    ProductionOrder,
    ProductionPlan,
    ShedOrder,
)
from schemas.registry import Community, Household, Plant, Technician
from schemas.regulation import DirectiveAck, RegulationMinute, SwitchChoice, SwitchDirective
from schemas.validation import PeriodReadings, ReadingVerdicts, ValidatedIntervals

LARGEST_MESSAGE_BYTES: Final = 16 << 20
PERSONS_SEGMENT_S: Final = 1
"""How long the broker goes on writing into one file of persons."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic's contract.

    Attributes:
        key: What the record's key is.
        message: Schema of the record's value, JSON.
        config: Settings that the broker shall have for it.
        is_received: Whether others write it for us to read; the rest is ours to write.
    """

    name: str
    key: str
    message: type[BaseModel]
    config: dict[str, str] = field(default_factory=dict)
    is_received: bool = False


METER_FRAMES: Final = Topic(
    "meter-frames",
    "community id",
    MeterFrame,
    # A frame that is too large still becomes a rejection, and so must reach us. The broker's own
    # time stamp says when a frame came in.
    {
        "max.message.bytes": str(LARGEST_MESSAGE_BYTES),
        "message.timestamp.type": "LogAppendTime",
    },
    is_received=True,
)
COMMUNITY_MINUTES: Final = Topic("community-minutes", "community id", CommunityMinute)
HOUSEHOLD_INTERVALS: Final = Topic("household-intervals", "community id", HouseholdIntervals)
REJECTED_READINGS: Final = Topic(
    "rejected-readings", "community id, empty where unreadable", RejectedReading
)
READING_EDITS: Final = Topic("reading-edits", "community id", EditedReading)
PERIOD_READINGS: Final = Topic(
    "period-readings",
    "community id",
    PeriodReadings,
    {"max.message.bytes": str(LARGEST_MESSAGE_BYTES)},
)
VALIDATED_INTERVALS: Final = Topic("validated-intervals", "community id", ValidatedIntervals)
READING_VERDICTS: Final = Topic("reading-verdicts", "community id", ReadingVerdicts)
AUTARKY_INTERVALS: Final = Topic("autarky-intervals", "community id", AutarkyIntervals)
AUTARKY_CHANGES: Final = Topic("autarky-changes", "community id", AutarkyChange)
MALFUNCTIONS: Final = Topic("malfunctions", "community id", Malfunction)
TICKET_COMMANDS: Final = Topic("ticket-commands", "community id", TicketCommand)
GRID_PARTIALS: Final = Topic("grid-partials", "grid", GridPartial)
GRID_MINUTES: Final = Topic("grid-minutes", "grid", GridMinute)
PLANT_READINGS: Final = Topic("plant-readings", "plant id", PlantReading, is_received=True)
PLANT_MINUTES: Final = Topic("plant-minutes", "grid", PlantMinute)
BATTERY_COMMITMENTS: Final = Topic("battery-commitments", "grid", BatteryCommitment)
PRODUCTION_ORDERS: Final = Topic("production-orders", "plant id", ProductionOrder)
PRODUCTION_PLANS: Final = Topic("production-plans", "plant id", ProductionPlan)
SHED_ORDERS: Final = Topic("shed-orders", "community id", ShedOrder)
SWITCH_DIRECTIVES: Final = Topic("switch-directives", "community id", SwitchDirective)
DIRECTIVE_ACKS: Final = Topic("directive-acks", "community id", DirectiveAck, is_received=True)
SWITCH_CHOICES: Final = Topic("switch-choices", "community id", SwitchChoice, is_received=True)
REGULATION_MINUTES: Final = Topic("regulation-minutes", "community id", RegulationMinute)
NOTIFICATIONS: Final = Topic("notifications", "person id", Notification)
NOTIFICATION_STATES: Final = Topic("notification-states", "person id", NotificationState)
EV_SESSIONS: Final = Topic("ev-sessions", "community id", EvSession, is_received=True)
REJECTED_EV_SESSIONS: Final = Topic(
    "rejected-ev-sessions", "community id, empty where unreadable", RejectedSession
)
CHARGE_DIRECTIVES: Final = Topic("charge-directives", "community id", ChargeDirective)
CHARGE_PROMISES: Final = Topic("charge-promises", "community id", ChargePromise)

_COMPACTED: Final = {"cleanup.policy": "compact"}
CHARGE_PLANS: Final = Topic("charge-plans", "partition", ChargePlan, _COMPACTED)
REGISTRY_COMMUNITIES: Final = Topic("registry-communities", "community id", Community, _COMPACTED)
REGISTRY_HOUSEHOLDS: Final = Topic(
    "registry-households",
    "community id, household id and valid_from, parted by zero bytes; partitioned by the first",
    Household,
    _COMPACTED,
)
REGISTRY_PLANTS: Final = Topic("registry-plants", "plant id", Plant, _COMPACTED)
REGISTRY_TECHNICIANS: Final = Topic("registry-technicians", "technician id", Technician, _COMPACTED)
REGISTRY_PERSONS: Final = Topic(
    "registry-persons",
    "person id",
    Person,
    # Compaction leaves the newest segment alone and is lazy with the others. So that who was erased
    # is gone from the broker's disk within minutes, a segment ends after `PERSONS_SEGMENT_S`, and
    # anything that can be compacted is.
    {
        **_COMPACTED,
        "segment.ms": str(PERSONS_SEGMENT_S * 1000),
        "min.cleanable.dirty.ratio": "0.01",
        "max.compaction.lag.ms": str(24 * 3600 * 1000),
        "file.delete.delay.ms": "1000",
    },
)

PRICES: Final = Topic(
    "prices",
    "grid, kind and period_start, parted by zero bytes; partitioned by the first",
    Price,
    _COMPACTED,
)
BATTERY_DIRECTIVES: Final = Topic("battery-directives", "community id", BatteryDirective)
NOTIFICATION_SUBSCRIPTIONS: Final = Topic(
    "notification-subscriptions", "person id", Subscription, _COMPACTED
)

TOPICS: Final = (
    METER_FRAMES,
    COMMUNITY_MINUTES,
    HOUSEHOLD_INTERVALS,
    REJECTED_READINGS,
    READING_EDITS,
    PERIOD_READINGS,
    VALIDATED_INTERVALS,
    READING_VERDICTS,
    AUTARKY_INTERVALS,
    AUTARKY_CHANGES,
    MALFUNCTIONS,
    TICKET_COMMANDS,
    GRID_PARTIALS,
    GRID_MINUTES,
    PLANT_READINGS,
    PLANT_MINUTES,
    BATTERY_COMMITMENTS,
    PRODUCTION_ORDERS,
    PRODUCTION_PLANS,
    SHED_ORDERS,
    SWITCH_DIRECTIVES,
    DIRECTIVE_ACKS,
    SWITCH_CHOICES,
    REGULATION_MINUTES,
    NOTIFICATIONS,
    NOTIFICATION_STATES,
    EV_SESSIONS,
    REJECTED_EV_SESSIONS,
    CHARGE_DIRECTIVES,
    CHARGE_PROMISES,
    CHARGE_PLANS,
    REGISTRY_COMMUNITIES,
    REGISTRY_HOUSEHOLDS,
    REGISTRY_PLANTS,
    REGISTRY_TECHNICIANS,
    REGISTRY_PERSONS,
    NOTIFICATION_SUBSCRIPTIONS,
    PRICES,
    BATTERY_DIRECTIVES,
)

CHANGELOG_CONFIG: Final = _COMPACTED


async def ensure_topics(  # noqa: PLR0913 - which broker, which topics
    broker: str,
    *,
    partitions: int,
    replication: int,
    prefix: str = "",
    changelogs: tuple[str, ...] = (),
    security: Mapping[str, Any] | None = None,
) -> None:
    """Create the topics that are missing, safely beside another worker that does the same.

    Args:
        broker: Bootstrap servers, HOST:PORT, comma-separated.
        partitions: Of each topic.
        replication: Of each topic.
        prefix: Begins the name of each topic but changelogs.
        changelogs: Names of compacted topics to create as well.
        security: aiokafka's settings for TLS and login; None for a plain connection.

    Raises:
        KafkaError: If the broker refuses.
    """
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=broker, **(security or {}))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        wanted = {prefix + topic.name: topic.config for topic in TOPICS}
        wanted |= dict.fromkeys(changelogs, CHANGELOG_CONFIG)
        missing = [
            aiokafka.admin.NewTopic(
                name=name,
                num_partitions=partitions,
                replication_factor=replication,
                topic_configs=config,
            )
            for name, config in wanted.items()
            if name not in existing
        ]
        if missing:
            response = await admin.create_topics(missing)
            for name, code, *message in response.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(f"creating topic {name}: {message}")
    finally:
        await admin.close()
