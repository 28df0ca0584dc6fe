import { expect, test } from "vitest";
import { fileDifferences, type SeenFile, type Upload } from "./files.ts";

const table = { status: "completed", server_list: [{ server_id: "10.0.0.1" }, { server_id: "10.0.0.2" }] };
const upload: Upload = { file: "/etc/t.json", content: JSON.stringify(table), permissions: "0644" };
const asUploaded = { content: upload.content, mode: 0o644, owner: 0 };

test("A file as it was placed is no finding.", () => {
  expect(fileDifferences(upload, asUploaded)).toEqual([]);
});

test.each<[string, SeenFile, object]>([
  ["is gone", { problem: "none" }, { what: "/etc/t.json", planned: "a file", there: "none" }],
  [
    "has another value",
    { ...asUploaded, content: upload.content.replace("10.0.0.2", "10.0.0.9") },
    { what: "/etc/t.json server_list[1].server_id", planned: '"10.0.0.2"', there: '"10.0.0.9"' },
  ],
  [
    "lacks an entry",
    { ...asUploaded, content: JSON.stringify({ ...table, server_list: [] }) },
    { what: "/etc/t.json server_list[0]", planned: '{"server_id":"10.0.0.1"}', there: "none" },
  ],
  [
    "is written in another way",
    { ...asUploaded, content: `${upload.content}\n` },
    { what: "/etc/t.json", planned: "its text", there: "the same values, written in another way" },
  ],
  [
    "is no JSON",
    { ...asUploaded, content: "{" },
    { what: "/etc/t.json", planned: `${upload.content.length} characters`, there: "1 others" },
  ],
  [
    "is nested absurdly deep",
    { ...asUploaded, content: `${"[".repeat(200_000)}${"]".repeat(200_000)}` },
    { what: "/etc/t.json", planned: expect.anything(), there: expect.anything() },
  ],
  [
    "cannot be read by everybody",
    { ...asUploaded, mode: 0o600 },
    { what: "/etc/t.json mode", planned: "0644", there: "0600" },
  ],
  [
    "belongs to another user",
    { ...asUploaded, owner: 1000 },
    { what: "/etc/t.json owner", planned: "0", there: "1000" },
  ],
])("A file that %s is found.", (_, seen, difference) => {
  expect(fileDifferences(upload, seen)).toEqual([difference]);
});
