// Runs in a container, as `node -e`, and asks a server on a Unix socket there what its arguments say, socket and path. Writes
// the status, a space, and the answer as it comes. When its standard input ends, whoever asks has gone away.
import { request } from "node:http";

const [socketPath, path] = process.argv.slice(1);

process.stdin.resume().on("end", () => process.exit());
request({ socketPath, path, agent: false }, (answer) => {
  process.stdout.write(`${answer.statusCode} `);
  answer.pipe(process.stdout).on("error", () => process.exit());
  answer.on("close", () => process.exit());
})
  .on("error", ({ code, message }) => {
    process.stdout.write(`0 ${code ?? message}`);
    process.exitCode = 1;
    process.stdin.destroy();
  })
  .end();
