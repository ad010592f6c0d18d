"""Workers of a queue as processes of their own, which a test may kill."""

import multiprocessing
import os
import signal
from multiprocessing.process import BaseProcess


def work(queue_url: str, job: str, visibility_seconds: int) -> None:
    """Do a queue's messages one by one, as Lambda would, for ever: what is not done comes back."""
    import boto3

    import app

    sqs = boto3.client("sqs")
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url, WaitTimeSeconds=1, VisibilityTimeout=visibility_seconds
        )
        for message in answer.get("Messages", []):
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            if getattr(app, job)({"Records": [record]}, None) == {"batchItemFailures": []}:
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


class Workers:
    """Some workers of one queue; who is killed is replaced, its message comes back when it is visible."""

    def __init__(self, count: int, queue: str, job: str, *, visibility_seconds: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._arguments = (os.environ[f"{queue.upper()}_QUEUE_URL"], job, visibility_seconds)
        self._running = [self._start() for _ in range(count)]

    def _start(self) -> BaseProcess:
        process = self._context.Process(target=work, args=self._arguments, daemon=True)
        process.start()
        return process

    def kill(self, which: int) -> None:
        """End one in the middle of whatever it does, and start another."""
        place = which % len(self._running)
        pid = self._running[place].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self._running[place].join()
        self._running[place] = self._start()

    def stop(self) -> None:
        """End all."""
        for process in self._running:
            process.kill()
            process.join()
