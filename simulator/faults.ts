import { hash } from "node:crypto";
import { invalidBody } from "./errors.ts";

export const FAULTS_PATH = "/simulator/faults";

type Fields = Readonly<Record<string, unknown>>;

/** What goes wrong in an instance without its saying so. It can change while it runs. */
export class Faults {
  #wrongKvFrom: ReadonlySet<string>;
  /** Whether nothing that this instance keeps can be fetched. */
  losesKv = false;

  /** `wrongKvFrom`: prefill instances, as `host:port`, whose KV cache arrives broken. */
  constructor(wrongKvFrom: readonly string[]) {
    this.#wrongKvFrom = new Set(wrongKvFrom);
  }

  /** What is answered, and whatever comes of it has status 200: other tokens than the right ones. */
  answerFrom(source: string, right: string): string {
    return this.#wrongKvFrom.has(source) ? hash("sha256", `broken KV of ${right}`) : right;
  }

  /** Throws ApiError for other than `{"wrong_kv_from": ["HOST:PORT", …], "loses_kv": false}`; both are as they were by default. */
  become({ wrong_kv_from: from = [...this.#wrongKvFrom], loses_kv: lost = this.losesKv }: Fields): void {
    if (!Array.isArray(from) || !from.every((one) => typeof one === "string"))
      throw invalidBody("list_type", ["wrong_kv_from"], "Input should be a valid list");
    this.#wrongKvFrom = new Set(from);
    this.losesKv = lost === true;
  }
}
