"""
An application: the progress of a long job in threads, which survives a reload of the page.

Run:  python examples/jobs.py [PORT]
Then: open http://localhost:8080/ in a browser
"""

import sys
from secrets import token_hex
from time import sleep

from twisted.internet.threads import deferToThread

from twisted_sse import Hub
from twisted_sse.klein import Klein
from twisted_sse.runs import Runs
from twisted_sse.web.dialects import BrowserEvents

PAGE = """<!doctype html><title>Job</title>
<form method="post" action="/jobs"><button>Begin</button></form>
<progress id="bar" max="20" value="0"></progress>
<ol id="steps"></ol>
<script>
  function follow(job) {
    const source = new EventSource(`/jobs/${job}`);
    source.addEventListener("end", () => source.close());
    source.onmessage = (event) => {
      bar.value = event.data;
      steps.append(Object.assign(document.createElement("li"), { textContent: event.data }));
    };
  }
  if (location.search) follow(location.search.slice(1));
</script>"""
app, runs = Klein(), Runs(Hub())


async def work():
    for number in range(1, 21):
        await deferToThread(sleep, 0.2)
        yield number


@app.route("/")
def page(request):
    return PAGE


@app.route("/jobs", methods=["POST"])
async def begin(request):
    job = token_hex(16)
    await runs.begin(job, work())
    request.redirect(f"/?{job}".encode())


@app.route("/jobs/<job>")
def progress(request, job):
    return runs.resource(job, dialect=BrowserEvents())


app.run("localhost", int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
