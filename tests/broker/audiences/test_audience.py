"""
Members of an audience: each gets every event once and in order, and a member that leaves is told
the position of the last event it was sent.
"""

from collections.abc import Callable
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.support.members import StubMember
from tests.support.orders import EVERYTHING, Order, interest_in
from tests.support.statemachines import check_machine
from twisted_sse.broker.audiences.audience import NOT_LIVE, Audience, PayloadCache
from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.audiences.representation import PLAIN
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.topics import Selection
from twisted_sse.transport.framing import chunked, raw

__all__ = [
    "AudienceIndexTests",
    "BatchTests",
    "InvariantTests",
    "JoiningTests",
    "LeavingTests",
    "SharedPayloadTests",
    "ShortTests",
]

# How many members are written to between two looks at the clock.
STRIDE = 128


def strides(count: int) -> Callable[[], bool]:
    """
    A budget for *count* strides.
    """
    left = iter(range(count - 1))
    return lambda: next(left, None) is not None


def forever() -> bool:
    """
    An unlimited budget.
    """
    return True


class AudienceFixture:
    """
    An audience, the order it follows, and its members.
    """

    def __init__(self, members: int = 0) -> None:
        self.order = Order()
        self.audience = Audience(EVERYTHING, PLAIN, raw, self.order.window)
        self.payloads = PayloadCache()
        self.members = [StubMember(self.audience) for _ in range(members)]
        for member in self.members:
            self.audience.join(member)

    def publish(self, count: int = 1, data: str | None = None) -> None:
        """
        Publish to the audience, *count* times.
        """
        for _ in range(count):
            self.audience.add(self.order.publish(data=data))

    def sweep(self, more_time: Callable[[], bool] = forever) -> None:
        """
        Write to the members.
        """
        self.audience.sweep(self.payloads, more_time)

    def upto(self, number: int) -> bytes:
        """
        What a member that was there from the start has received up to *number*.
        """
        return self.order.between(0, number)

    def visited(self) -> StubMember:
        """
        A member that was sent the current batch.
        """
        return next(member for member in self.members if member.payloads)

    def unvisited(self) -> StubMember:
        """
        A member that was sent nothing.
        """
        return next(member for member in self.members if not member.payloads)


class AudienceMachine(RuleBasedStateMachine):
    """
    Members join and leave while batches are written, stride by stride.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fixture = AudienceFixture()
        self.began: dict[StubMember, int] = {}
        self.left: list[StubMember] = []

    @rule(count=st.sampled_from([1, 3, 100, STRIDE, 300]))
    def join(self, count: int) -> None:
        """
        Add members that were sent everything up to the live position.
        """
        for _ in range(count):
            member = StubMember(self.fixture.audience)
            self.began[member] = self.fixture.audience.live_position.number
            self.fixture.audience.join(member)

    @rule(data=st.data(), count=st.integers(1, 40))
    def leave(self, data: st.DataObject, count: int) -> None:
        """
        Remove some of the members.
        """
        for _ in range(min(count, len(self.began))):
            self._retire(self._choose(data))

    @rule()
    def all_leave(self) -> None:
        """
        Remove all members.
        """
        for member in list(self.began):
            self._retire(member)

    @rule(size=st.sampled_from([0, 0, 40_000]))
    def publish(self, size: int) -> None:
        """
        Publish an event; two large ones fill a batch.
        """
        self.fixture.publish(data=f"{'.' * size}" or None)

    @rule(count=st.integers(1, 5))
    def sweep(self, count: int) -> None:
        """
        Write *count* strides.
        """
        self.fixture.sweep(strides(count))

    @rule(data=st.data(), count=st.integers(1, 5), room=st.sampled_from([0, 1, 60]))
    def sweep_with_failures(self, data: st.DataObject, count: int, room: int) -> None:
        """
        Write while one member falls short, one fails, and one leaves and removes another.
        """
        if len(self.began) < 4:
            return
        names = sorted(self.began, key=lambda member: member.slot)
        short, broken, leaver, other = (
            names[data.draw(st.integers(0, len(names) - 1))] for _ in range(4)
        )
        short.room = room
        broken.broken = True
        leaver.on_send = partial(self._leave_all, [leaver, other])
        self.fixture.sweep(strides(count))
        short.room, broken.broken = 1 << 40, False
        leaver.on_send = lambda: None
        for member in list(self.began):
            if member.slot == NOT_LIVE:
                self.left.append(member)
                self._check(member, member.position.number, self.began.pop(member))

    @invariant()
    def received_up_to_position(self) -> None:
        """
        A member received exactly what lies between its start and its position.
        """
        audience = self.fixture.audience
        assert sorted(member.slot for member in self.began) == list(range(len(self.began)))
        for member, began in self.began.items():
            self._check(member, audience.position_of(member).number, began)

    @invariant()
    def waiting_matches_positions(self) -> None:
        """
        The audience waits exactly while a member has not received everything.
        """
        head = self.fixture.order.window.head.number
        positions = [self.fixture.audience.position_of(member).number for member in self.began]
        assert self.fixture.audience.waiting == any(one < head for one in positions)

    @invariant()
    def left_members_are_not_live(self) -> None:
        """
        A member that has left does not become live again.
        """
        assert all(member.slot == NOT_LIVE for member in self.left)

    def teardown(self) -> None:
        """
        In the end every remaining member has received everything.
        """
        self.fixture.sweep()
        assert not self.fixture.audience.waiting
        for member, began in self.began.items():
            self._check(member, self.fixture.order.window.head.number, began)

    def _leave_all(self, members: list[StubMember]) -> None:
        for member in members:
            self.fixture.audience.leave(member)

    def _choose(self, data: st.DataObject) -> StubMember:
        slot = data.draw(st.integers(0, len(self.began) - 1))
        return next(member for member in self.began if member.slot == slot)

    def _retire(self, member: StubMember) -> None:
        expected = self.fixture.audience.position_of(member)
        self.fixture.audience.leave(member)
        self.left.append(member)
        began = self.began.pop(member)
        assert member.position == expected
        self._check(member, member.position.number, began)

    def _check(self, member: StubMember, position: int, began: int) -> None:
        got = len(member.received)
        for payload, _ in member.short:
            assert payload
        expected = self.fixture.order.between(began, position)
        assert self.fixture.audience.events_of(member) == position - began
        assert self.fixture.audience.bytes_of(member) == len(expected)
        if not any(sent == 0 for _, sent in member.short):
            assert got == len(expected), (member.slot, began, position)
            assert member.received == expected


class InvariantTests(SynchronousTestCase):
    """
    What holds in any order of steps.
    """

    def test_any_order(self) -> None:
        """
        Whatever the order of joining, leaving and writing, every member gets each event once and in
        order.
        """
        check_machine(AudienceMachine, max_examples=60)


class LeavingTests(SynchronousTestCase):
    """
    A member that leaves knows what it was sent.
    """

    def test_visited(self) -> None:
        """
        A visited member, with nothing pending, has the batch.
        """
        fixture = AudienceFixture(STRIDE + 1)
        fixture.publish(2)
        fixture.sweep(strides(1))
        member = fixture.visited()
        fixture.audience.leave(member)

        self.assertEqual(member.position, (2, "e-2"))
        self.assertEqual(member.received, fixture.upto(2))

    def test_visited_with_pending(self) -> None:
        """
        A visited member, with more pending, has the batch and not the pending events.
        """
        fixture = AudienceFixture(STRIDE + 1)
        fixture.publish(2)
        fixture.sweep(strides(1))
        fixture.publish(3)
        member = fixture.visited()
        fixture.audience.leave(member)

        self.assertEqual(member.position, (2, "e-2"))

    def test_unvisited(self) -> None:
        """
        An unvisited member has nothing of the batch.
        """
        fixture = AudienceFixture(STRIDE + 1)
        fixture.publish(2)
        fixture.sweep(strides(1))
        member = fixture.unvisited()
        fixture.audience.leave(member)

        self.assertEqual(member.position, (0, "e-0"))

    def test_unvisited_with_pending(self) -> None:
        """
        An unvisited member, with more pending, still has nothing of the batch.
        """
        fixture = AudienceFixture(STRIDE + 1)
        fixture.publish()
        fixture.sweep()
        fixture.publish(2)
        fixture.sweep(strides(1))
        fixture.publish(3)
        member = next(one for one in fixture.members if len(one.payloads) == 1)
        fixture.audience.leave(member)

        self.assertEqual(member.position, (1, "e-1"))

    def test_idle(self) -> None:
        """
        When everything is written, a member's position is the head, past events it did not want.
        """
        fixture = AudienceFixture(1)
        fixture.publish()
        fixture.sweep()
        fixture.order.publish("unwanted")
        fixture.audience.leave(fixture.members[0])

        self.assertEqual(fixture.members[0].position, (2, "e-2"))

    def test_before_pending(self) -> None:
        """
        Before the first write, a member's position is right before the oldest pending event.
        """
        fixture = AudienceFixture(1)
        fixture.order.publish("unwanted")
        fixture.publish(2)
        fixture.audience.leave(fixture.members[0])

        self.assertEqual(fixture.members[0].position, (1, "e-1"))

    def test_twice(self) -> None:
        """
        Leaving a second time changes nothing.
        """
        fixture = AudienceFixture(3)
        fixture.audience.leave(fixture.members[1])
        fixture.audience.leave(fixture.members[1])
        fixture.publish()
        fixture.sweep()

        self.assertEqual([len(one.payloads) for one in fixture.members], [1, 0, 1])

    def test_last(self) -> None:
        """
        An audience without members does not wait.
        """
        fixture = AudienceFixture(1)
        fixture.publish()
        fixture.audience.leave(fixture.members[0])

        self.assertFalse(fixture.audience.waiting)
        self.assertEqual(fixture.audience.live_position, (1, "e-1"))

    def test_while_written_to(self) -> None:
        """
        A member that leaves during its own write keeps what it was sent, and nobody is skipped.
        """
        fixture = AudienceFixture(3)
        leaver = fixture.members[1]
        leaver.on_send = lambda: fixture.audience.leave(leaver)
        fixture.publish()
        fixture.sweep()
        fixture.publish()
        fixture.sweep()

        self.assertEqual([len(one.payloads) for one in fixture.members], [2, 1, 2])
        self.assertEqual(leaver.position, (1, "e-1"))

    def test_another_one(self) -> None:
        """
        A member of a later stride that is removed during another's write was sent nothing of the
        batch.
        """
        fixture = AudienceFixture(3 * STRIDE)
        fixture.publish()
        order: list[StubMember] = []
        for member in fixture.members:
            member.on_send = partial(order.append, member)
        fixture.sweep()
        first, last = order[0], order[-1]
        for member in fixture.members:
            member.on_send = lambda: None
        first.on_send = lambda: fixture.audience.leave(last)
        fixture.publish()
        fixture.sweep()

        self.assertEqual(last.position, (1, "e-1"))
        self.assertEqual(last.received, fixture.upto(1))

    def test_everybody_while_written_to(self) -> None:
        """
        All members may leave during the write to the first of them.
        """
        fixture = AudienceFixture(2 * STRIDE)

        def leave() -> None:
            for one in fixture.members:
                fixture.audience.leave(one)

        for member in fixture.members:
            member.on_send = leave
        fixture.publish(2)
        fixture.sweep()

        self.assertFalse(fixture.audience.waiting)
        self.assertTrue(all(one.slot == NOT_LIVE for one in fixture.members))
        self.assertEqual({one.position.number for one in fixture.members if one.payloads}, {2})
        self.assertEqual({one.position.number for one in fixture.members if not one.payloads}, {0})


class ShortTests(SynchronousTestCase):
    """
    Members that cannot take a whole payload.
    """

    def test_in_the_middle(self) -> None:
        """
        A member that falls short is told how many bytes were sent, and the others get everything.
        """
        fixture = AudienceFixture(3 * STRIDE)
        short = fixture.members[STRIDE + 7]
        short.room = 5
        fixture.publish()
        fixture.sweep()
        fixture.publish()
        fixture.sweep()

        self.assertEqual(short.short, [(fixture.upto(1), 5)])
        self.assertEqual(short.position, (1, "e-1"))
        others = [one for one in fixture.members if one is not short]
        self.assertEqual({one.received for one in others}, {fixture.upto(2)})

    def test_error(self) -> None:
        """
        A network error means that nothing was sent, and the others get everything.
        """
        fixture = AudienceFixture(3)
        broken = fixture.members[1]
        broken.broken = True
        fixture.publish()
        fixture.sweep()

        self.assertEqual(broken.short, [(fixture.upto(1), 0)])
        self.assertEqual([len(one.payloads) for one in fixture.members], [1, 0, 1])

    def test_short_and_leaving(self) -> None:
        """
        A member that leaves and falls short in one call is removed once.
        """
        fixture = AudienceFixture(3)
        member = fixture.members[0]
        member.room = 1
        member.on_send = lambda: fixture.audience.leave(member)
        fixture.publish()
        fixture.sweep()
        fixture.publish()
        fixture.sweep()

        self.assertEqual([len(one.payloads) for one in fixture.members], [1, 2, 2])

    def test_everybody(self) -> None:
        """
        When all fall short, the audience is empty, and pending events are discarded.
        """
        fixture = AudienceFixture(2 * STRIDE)
        for member in fixture.members:
            member.room = 0
        fixture.publish()
        fixture.sweep(strides(1))
        fixture.publish()
        fixture.sweep()

        self.assertFalse(fixture.audience.waiting)
        self.assertEqual({len(one.payloads) for one in fixture.members}, {1})
        self.assertEqual({one.position.number for one in fixture.members}, {1})


class JoiningTests(SynchronousTestCase):
    """
    A member that joins has everything up to the live position.
    """

    def test_in_the_middle_of_a_batch(self) -> None:
        """
        A newcomer does not get the batch that is being written, only what follows.
        """
        fixture = AudienceFixture(2 * STRIDE)
        fixture.publish()
        fixture.sweep(strides(1))
        newcomer = StubMember(fixture.audience)
        fixture.audience.join(newcomer)
        fixture.publish()
        fixture.sweep()

        self.assertEqual(newcomer.received, fixture.order.between(1, 2))
        self.assertEqual({one.received for one in fixture.members}, {fixture.upto(2)})

    def test_before_pending(self) -> None:
        """
        A newcomer gets the events that were pending when it joined.
        """
        fixture = AudienceFixture(1)
        fixture.publish()
        newcomer = StubMember(fixture.audience)
        fixture.audience.join(newcomer)
        fixture.sweep()

        self.assertEqual(newcomer.received, fixture.upto(1))

    def test_early(self) -> None:
        """
        A member ahead of the pending events is told once, when they are written, to try again.
        """
        fixture = AudienceFixture(2 * STRIDE)
        fixture.publish()
        fixture.sweep(strides(1))
        fixture.publish()
        early = StubMember(fixture.audience)
        fixture.audience.expect(early)
        fixture.sweep(strides(1))
        told = [early.resumed]
        fixture.sweep()
        told.append(early.resumed)
        fixture.publish()
        fixture.sweep()
        told.append(early.resumed)

        self.assertEqual(early.payloads, [])
        self.assertEqual(fixture.audience.live_position.number, 3)
        self.assertEqual(told[1:], [told[1]] * 2)
        self.assertGreaterEqual(told[1], 1)

    def test_early_and_everybody_leaves(self) -> None:
        """
        It is also told when the members that were waited for leave.
        """
        fixture = AudienceFixture(3)
        fixture.publish()
        early = StubMember(fixture.audience)
        fixture.audience.expect(early)
        for member in fixture.members:
            fixture.audience.leave(member)

        self.assertEqual(early.resumed, 1)

    def test_early_and_the_unvisited_leave(self) -> None:
        """
        It is also told when only the members without the last batch leave.
        """
        fixture = AudienceFixture(STRIDE + 1)
        fixture.publish()
        early = StubMember(fixture.audience)
        fixture.audience.expect(early)
        fixture.sweep(strides(1))
        fixture.audience.leave(fixture.unvisited())
        fixture.sweep()

        self.assertFalse(fixture.audience.waiting)
        self.assertEqual(early.resumed, 1)

    def test_nobody(self) -> None:
        """
        An audience without live members ignores new events.
        """
        fixture = AudienceFixture()
        fixture.publish()

        self.assertFalse(fixture.audience.waiting)
        self.assertEqual(fixture.audience.live_position, (1, "e-1"))


class BatchTests(SynchronousTestCase):
    """
    How many events one write carries.
    """

    def test_joined(self) -> None:
        """
        All pending events are one write for each member.
        """
        fixture = AudienceFixture(2)
        fixture.publish(10)
        fixture.sweep()

        self.assertEqual([one.payloads for one in fixture.members], [[fixture.upto(10)]] * 2)

    def test_size_limit(self) -> None:
        """
        A batch ends with the frame that brings it to 64 KiB.
        """
        fixture = AudienceFixture(1)
        fixture.publish(5, "x" * 32 * 1024)
        fixture.sweep()

        sizes = [payload.count(b"data: ") for payload in fixture.members[0].payloads]
        self.assertEqual(sizes, [2, 2, 1])
        self.assertEqual(fixture.members[0].received, fixture.upto(5))

    def test_exactly_full(self) -> None:
        """
        A batch of exactly 64 KiB is full, and one that is a byte smaller is not.
        """
        for lacking, expected in ((0, [1, 1]), (1, [2])):
            with self.subTest(lacking=lacking):
                fixture = AudienceFixture(1)
                frame = len(Order().publish(data="").frame)
                fixture.publish(1, "x" * (64 * 1024 - frame - lacking))
                fixture.publish(1)
                fixture.sweep()
                sizes = [payload.count(b"data: ") for payload in fixture.members[0].payloads]
                self.assertEqual(sizes, expected)

    def test_large_event(self) -> None:
        """
        An event larger than a batch is a batch of its own.
        """
        fixture = AudienceFixture(1)
        fixture.publish(1, "x" * 200_000)
        fixture.publish(1)
        fixture.sweep()

        self.assertEqual(len(fixture.members[0].payloads), 2)

    def test_budget(self) -> None:
        """
        Writing stops after the stride in which the budget ran out.
        """
        fixture = AudienceFixture(3 * STRIDE)
        fixture.publish()
        fixture.sweep(strides(2))

        self.assertEqual(sum(len(one.payloads) for one in fixture.members), 2 * STRIDE)
        self.assertTrue(fixture.audience.waiting)


class SharedPayloadTests(SynchronousTestCase):
    """
    Bytes are joined and framed once.
    """

    def test_members_share(self) -> None:
        """
        All members get the same object.
        """
        fixture = AudienceFixture(2 * STRIDE)
        fixture.publish(2)
        fixture.sweep()

        first = fixture.members[0].payloads[0]
        for member in fixture.members:
            self.assertIs(member.payloads[0], first)

    def test_audiences_share(self) -> None:
        """
        Audiences with the same batch and framing get the same object.
        """
        fixture = AudienceFixture(1)
        other = Audience(interest_in("a"), PLAIN, raw, fixture.order.window)
        member = StubMember(other)
        other.join(member)
        fixture.publish(2)
        for entry in fixture.order.entries:
            other.add(entry)
        fixture.sweep()
        other.sweep(fixture.payloads, forever)

        self.assertIs(member.payloads[0], fixture.members[0].payloads[0])

    def test_framing_and_batch_differ(self) -> None:
        """
        Another framing or another batch makes another payload.
        """
        order = Order()
        one, two = order.publish(), order.publish()
        payloads = PayloadCache()

        self.assertEqual(payloads.of(PLAIN, chunked, [one]), chunked(one.frame))
        self.assertEqual(payloads.of(PLAIN, raw, [one]), one.frame)
        self.assertEqual(payloads.of(PLAIN, raw, [one, two]), one.frame + two.frame)
        self.assertEqual(payloads.of(PLAIN, raw, [two]), two.frame)

    def test_forget(self) -> None:
        """
        Payloads are forgotten when the turn is over.
        """
        order = Order()
        batch = [order.publish(), order.publish()]
        payloads = PayloadCache()
        before = payloads.of(PLAIN, raw, batch)
        payloads.forget()

        self.assertIsNot(payloads.of(PLAIN, raw, batch), before)


class AudienceIndexTests(SynchronousTestCase):
    """
    Which audiences receive a publication.
    """

    def setUp(self) -> None:
        """
        An empty order.
        """
        self.order = Order()
        self.audiences = AudienceIndex(self.order.window)

    def test_shared(self) -> None:
        """
        The same interest with the same framing is one audience; its size counts the members.
        """
        one = self.audiences.enter(interest_in("a", "b"), PLAIN, raw)
        two = self.audiences.enter(interest_in("b", "a"), PLAIN, raw)
        three = self.audiences.enter(interest_in("a", "b"), PLAIN, chunked)

        self.assertIs(one, two)
        self.assertIsNot(one, three)
        self.assertEqual((one.size, three.size, len(self.audiences)), (2, 1, 2))

    def test_wanting(self) -> None:
        """
        Names, patterns and `*` match, each audience is found once, and others are not found.
        """
        exact = self.audiences.enter(interest_in("a", "b"), PLAIN, raw)
        pattern = self.audiences.enter(interest_in("{any}"), PLAIN, raw)
        everything = self.audiences.enter(EVERYTHING, PLAIN, raw)
        self.audiences.enter(interest_in("c"), PLAIN, raw)
        entry = self.order.publish("a")
        entry.topics = ("a", "b", "d")
        found = list(self.audiences.wanting(entry))

        self.assertEqual(len(found), 3)
        self.assertEqual(set(found), {exact, pattern, everything})

    def test_private(self) -> None:
        """
        A private publication is only for subscribers that may read it.
        """
        self.audiences.enter(interest_in("a"), PLAIN, raw)
        grant = Grant(subscribe=["a"])
        reader = self.audiences.enter(grant.interest(Selection.of(["a"])), PLAIN, raw)
        entry = self.order.publish("a", private=True)

        self.assertEqual(list(self.audiences.wanting(entry)), [reader])

    def test_exit(self) -> None:
        """
        An audience is forgotten when its last member leaves, and the others stay.
        """
        one = self.audiences.enter(interest_in("a", "{x}"), PLAIN, raw)
        self.audiences.enter(interest_in("a", "{x}"), PLAIN, raw)
        other = self.audiences.enter(interest_in("a"), PLAIN, raw)
        entry = self.order.publish("a")
        self.audiences.exit(one)
        self.assertEqual(set(self.audiences.wanting(entry)), {one, other})
        self.audiences.exit(one)

        self.assertEqual(list(self.audiences.wanting(entry)), [other])
        self.assertEqual(len(self.audiences), 1)
        self.audiences.exit(other)
        self.assertEqual(list(self.audiences.wanting(entry)), [])
        self.assertEqual(len(self.audiences), 0)
