import fc from "fast-check";
import { expect, test } from "vitest";
import { ParamsGuard } from "./params-guard.ts";

/** What passes of `text` in pieces of these sizes; `undefined` when it is stopped. */
function passed(text: string, sizes: readonly number[]): string | undefined {
  const guard = new ParamsGuard();
  const bytes = Buffer.from(text);
  const pass: Buffer[] = [];
  try {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      pass.push(Buffer.from(guard.push(bytes.subarray(at, at + size))));
      at += size;
    }
    pass.push(guard.end());
    return Buffer.concat(pass).toString();
  } catch {
    return undefined;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
const around = fc.string({ maxLength: 300 }).map((text) => JSON.stringify(text));

test.for([
  '"kv_transfer_params":null',
  '"x":"say \\"kv_transfer_params\\":{}"',
  '"kv_transfer":{}',
  '"x":"\\u000a\\u001b"',
])("A large answer with %s passes as it is, in whatever pieces it comes.", (member) => {
  fc.assert(
    fc.property(around, around, sizes, (before, behind, sizes) => {
      const text = `{"a":${before},${member},"b":${behind}}`;
      expect(passed(text, sizes)).toBe(text);
    }),
  );
});

test.for([
  '"kv_transfer_params":{"remote_host":"10.9.8.7"}',
  '"kv\\u005ftransfer_params" : {"remote_host":"10.9.8.7"}',
  '"\\u0065c_transfer_params":["10.9.8.7"]',
  '"kv_transfer_params":nul',
])("A large answer with %s is stopped before it, in whatever pieces it comes.", (member) => {
  fc.assert(
    fc.property(around, around, sizes, (before, behind, sizes) => {
      expect(passed(`{"a":${before},${member},"b":${behind}}`, sizes)).toBeUndefined();
    }),
  );
});
