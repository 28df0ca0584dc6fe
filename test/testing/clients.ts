import { expectedText } from "../../simulator/oracle.ts";
import { post, streamedText } from "./pd-processes.ts";

export interface Kind {
  readonly model: string;
  /** Every one of them, instead of every other. */
  readonly streams: boolean;
  /** The longest answer has so many. */
  readonly tokens: number;
}

/** Asks for completions, `count` at once, one after the other until `stop`, and checks every status and token. */
export function clients(
  url: string,
  count: number,
  { model, streams, tokens }: Kind = { model: "sim", streams: false, tokens: 8 },
) {
  let stopped = false;
  let answered = 0;
  const failures: string[] = [];
  const one = async (client: number) => {
    for (let index = 0; !stopped; index++) {
      const stream = streams || index % 2 === 0;
      const length = 1 + ((7 * client + index) % tokens);
      const prompt = `Question ${client}/${index}`;
      const body = JSON.stringify({ model, prompt, max_tokens: length, stream });
      try {
        const response = await post(`${url}/v1/completions`, body);
        const text = await response.text();
        const got = stream ? streamedText(text) : JSON.parse(text).choices[0].text;
        if (response.status !== 200 || got !== expectedText(body, length)) failures.push(text);
        answered++;
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const all = Promise.all(Array.from({ length: count }, (_, client) => one(client)));
  return {
    failures,
    get answered() {
      return answered;
    },
    async stop() {
      stopped = true;
      await all;
    },
  };
}
