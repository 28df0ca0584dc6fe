// Runs in a container, as `node -e`, and asks a server on a Unix socket there what the SocketQuestion says that is its
// argument. Writes the status and the answer. When its standard input ends before that, whoever asks has gone away.
import { request } from "node:http";

const { socket, path, body, undo } = JSON.parse(process.argv[1]);

function ask(path, body, hear) {
  const headers = { "content-type": "application/json" };
  const call = request(
    { socketPath: socket, path, method: body ? "POST" : "GET", headers, agent: false },
    (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => {
        text += piece;
      });
      answer.on("end", () => hear(`${answer.statusCode} ${text.trim()}`));
    },
  );
  call.on("error", ({ code, message }) => hear(`0 ${code ?? message}`));
  return call.end(body && JSON.stringify(body));
}

const asked = ask(path, body, (answer) => {
  console.log(answer);
  process.exit();
});
// Only then: what has not been asked cannot be undone.
asked.on("finish", () =>
  process.stdin.resume().on("end", () => {
    if (undo) ask(undo.path, undo.body, () => process.exit());
    else process.exit();
  }),
);
