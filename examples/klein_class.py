"""
A Klein app in a class: answer a POST word by word, or with an error before the first word.

Run:  python examples/klein_class.py [PORT]
Then: curl -N http://localhost:8080/answers -d 'say it slowly'
And:  curl -i http://localhost:8080/answers -d ''
"""

import sys

from klein import Klein
from twisted.internet import reactor
from twisted.internet.task import deferLater

from twisted_sse import ServerSentEvent
from twisted_sse.klein import event_stream


class Model:
    app = Klein()
    done = ServerSentEvent(event="done", data="")

    @app.route("/answers", methods=["POST"])
    @event_stream(farewell=done, error=True)
    async def answer(self, request):
        prompt = request.content.read().decode("utf-8")
        if not prompt:
            raise ValueError("Say something.")
        return self.words(prompt)

    async def words(self, prompt):
        for word in prompt.split():
            await deferLater(reactor, 0.3)
            yield {"word": word}

    @app.handle_errors(ValueError)
    def refuse(self, request, failure):
        request.setResponseCode(400)
        return f"{failure.value}\n"


reactor.addSystemEventTrigger("before", "shutdown", Model.answer.drain)
Model().app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
