"""service.py by Flask, served by waitress. Prints its port."""
import flask
import waitress

import work

app = flask.Flask(__name__)


@app.post("/<name>")
def call(name):
    return flask.jsonify(getattr(work, name)(*flask.request.get_json()))


server = waitress.create_server(app, host="127.0.0.1", port=0)
print(server.effective_port, flush=True)
server.run()
