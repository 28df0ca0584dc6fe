// Runs in the scheduler's container, as `node -e`, and asks its administration: SOCKET PATH [BODY]. Writes the status
// and the answer. When its standard input ends before that, whoever wanted a drain has gone away: the instance is joined
// again, which it would otherwise wait for for ever.
import { request } from "node:http";

const [socketPath, path, body] = process.argv.slice(1);

function ask(path, body, hear) {
  const headers = { "content-type": "application/json" };
  const call = request(
    { socketPath, path, method: body ? "POST" : "GET", headers, agent: false },
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
  call.end(body);
}

ask(path, body, (answer) => {
  console.log(answer);
  process.exit();
});
process.stdin.resume().on("end", () => {
  if (path !== "/drain") process.exit();
  const { instance } = JSON.parse(body);
  ask("/join", JSON.stringify({ instance, deadline: 0 }), () => process.exit());
});
