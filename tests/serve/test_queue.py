"""One thread works on photos in turn; work nobody waits for any more is left out."""

from __future__ import annotations

import asyncio
import threading

import pytest

from strongpose.exceptions import RefusedError
from strongpose.serve.queue import Queue


async def never() -> None:
    await asyncio.Event().wait()


def test_work_is_done_one_after_the_other_in_one_thread():
    async def main():
        queue = Queue(5)
        found = await asyncio.gather(*(queue.run(lambda i=i: (i, threading.get_ident()), never()) for i in range(5)))
        queue.close()
        return found

    found = asyncio.run(main())
    assert [i for i, _ in found] == [0, 1, 2, 3, 4]
    assert len({thread for _, thread in found}) == 1
    assert found[0][1] != threading.get_ident()


def test_who_hangs_up_before_the_turn_is_left_out_and_work_that_was_begun_is_ended():
    async def main():
        queue, go, begun, hung_up = Queue(5), threading.Event(), threading.Event(), asyncio.Event()
        done = []

        def first():
            begun.set()
            assert go.wait(30)
            done.append("first")

        async def gone():
            await hung_up.wait()

        tasks = [asyncio.create_task(queue.run(first, gone()))]
        await asyncio.to_thread(begun.wait, 30)
        tasks.append(asyncio.create_task(queue.run(lambda: done.append("second"), gone())))
        tasks.append(asyncio.create_task(queue.run(lambda: done.append("third"), never())))
        await asyncio.sleep(0)
        hung_up.set()
        await asyncio.sleep(0.05)
        go.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        queue.close()
        return done, results

    done, results = asyncio.run(main())
    assert done == ["first", "third"]
    assert results[0] is None and results[2] is None
    assert isinstance(results[1], RefusedError) and results[1].status == 499


def test_errors_of_the_work_come_through_and_places_are_given_back():
    async def main():
        queue = Queue(0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                with queue.place():
                    assert queue.length == 1
                    with pytest.raises(RefusedError) as refused, queue.place():
                        pass
                    assert (refused.value.status, refused.value.retry_after) == (429, 1)
                    await queue.run(lambda: 1 // 0, never())
        assert queue.length == 0
        queue.close()

    asyncio.run(main())
