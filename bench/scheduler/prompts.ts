/** Prompts as people send them, as the JSON text between the quotes. Each repeats what it is made of. */

const LINE = "What was said before is said again here, so that a line is eighty bytes long.";

const CODE = `/** Answers a health check; anything else is "not found" for the caller. */
export function answer(path: string, ready: boolean): Answer {
  const isHealth = path === "/health" || path.startsWith("/livez");
  if (!isHealth) return { status: 404, body: JSON.stringify({ error: "not found" }) };
  const [status, word] = ready ? [200, "ready"] : [503, "waiting for its instances"];
  return { status, body: \`{"state":"\${word}"}\\n\` };
}

`;

const DOCUMENT = `{"id":4711,"user":{"name":"Ada","roles":["admin","author"]},"text":"a \\"word\\"","tags":null},`;

const CHINESE = "预填充和解码分别在不同的实例上运行，键值缓存经由网络传给解码实例。";

export const PROMPTS = {
  plain: "the prompt ",
  lines: json(`${LINE}\n`),
  code: json(CODE),
  document: json(DOCUMENT),
  chinese: json(CHINESE),
  escaped: json(CHINESE).replace(/[\u0080-\uffff]/g, asEscape),
} as const;

export type PromptName = keyof typeof PROMPTS;

function json(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** As Python's `json` writes what is not ASCII. */
function asEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const made = new Map<string, Buffer>();

/** Exactly `size` bytes of a prompt, padded with spaces. */
export function prompt(name: PromptName, size: number): Buffer {
  const key = `${name} ${size}`;
  let bytes = made.get(key);
  if (bytes === undefined) {
    const unit = Buffer.from(PROMPTS[name]);
    bytes = Buffer.alloc(size, " ");
    bytes.fill(unit, 0, size - (size % unit.length));
    made.set(key, bytes);
  }
  return bytes;
}
