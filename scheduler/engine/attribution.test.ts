import { expect, test } from "vitest";
import { idIn, isOfAnother } from "./attribution.ts";

const P = "0123456789ab";

test.for([
  { said: `cmpl-${P}-5`, id: `${P}-5`, another: false },
  { said: `cmpl-${P}-5-0`, id: `${P}-5`, another: false },
  { said: `chatcmpl-mine-${P}-5`, id: `mine-${P}-5`, another: false },
  { said: `cmpl-${P}-5-1`, id: `${P}-5-1`, another: false },
  { said: "cmpl-of-its-own", id: `${P}-5`, another: false },
  { said: `cmpl-${P}-6`, id: `${P}-5`, another: true },
  { said: `cmpl-${P}-53`, id: `${P}-5`, another: true },
  { said: `cmpl-${P}-5`, id: `${P}-53`, another: true },
  { said: `cmpl-${P}-5-${P}-9`, id: `${P}-5`, another: true },
  { said: `cmpl-${P}-5`, id: `${P}-5-${P}-9`, another: true },
  { said: `cmpl-${P}-5-1`, id: `${P}-5-10`, another: true },
  { said: `cmpl-${P}-5`, id: "watch", another: false },
])("An answer that says $said is of another request than $id: $another.", ({ said, id, another }) => {
  expect(isOfAnother(said, id)).toBe(another);
});

test.for([
  ['{"id":"cmpl-1","object":"text_completion"}', "cmpl-1"],
  ['data: {"id": "cmpl-1"}\n\n', "cmpl-1"],
  ['{"text":["say \\"id\\":\\"cmpl-1\\""]}', undefined],
  ['{"object":"list"}', undefined],
  [`{"x":"${"x".repeat(300)}","id":"late"}`, undefined],
])("The id at the beginning of %s is %s.", ([body, id]) => {
  expect(idIn(Buffer.from(body as string))).toBe(id);
});
