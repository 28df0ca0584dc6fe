import fc from "fast-check";
import { expect, test } from "vitest";
import { readContainer, readImage, readInfo, readList, readVersion } from "./answers.ts";
import { sampleAnswer } from "./testing/sample-answer.ts";

const readers = { readContainer, readImage, readInfo, readList, readVersion };

test("What an engine leaves out, or says null for, stands for nothing.", () => {
  const { Config, HostConfig, ...rest } = sampleAnswer("other");

  const { Config: config, HostConfig: host } = readContainer(
    JSON.stringify({ ...rest, Config: { ...Config, Env: null, Cmd: null }, HostConfig }),
  );

  expect(config).toMatchObject({ Env: [], Cmd: [], Labels: {}, User: "", StopTimeout: undefined });
  expect(host).toMatchObject({ Devices: [], LogConfig: { Type: "", Config: {} }, Privileged: false });
});

test("What else an engine says of a host's limits is kept as it is.", () => {
  const answer = { ...sampleAnswer("other"), HostConfig: { Memory: 1, CapAdd: ["ALL"] } };

  expect(readContainer(JSON.stringify(answer)).HostConfig).toMatchObject(answer.HostConfig);
});

test.each([
  [{ State: {} }, "the container.State.Status"],
  [{ Id: 7 }, "the container.Id"],
  [{ HostConfig: null }, "the container.HostConfig"],
  [{ Config: { Image: "a", Env: ["A=1", 2] } }, "the container.Config.Env.1"],
  [{ Config: { Image: "a", Labels: { role: {} } } }, "the container.Config.Labels.role"],
])("A container with %j is refused with its place.", (changes, place) => {
  const body = JSON.stringify({ ...sampleAnswer("other"), ...changes });

  expect(() => readContainer(body)).toThrow(`${place} is not as Docker says it`);
});

test("Labels and names are data, whatever they are called.", () => {
  const body = `[{"Id":"1","State":"running","Labels":{"__proto__":"a","constructor":"b"}}]`;

  const [{ Labels } = { Labels: {} }] = readList(body);

  expect(Object.entries(Labels)).toEqual([
    ["__proto__", "a"],
    ["constructor", "b"],
  ]);
});

test.each(Object.entries(readers))("Whatever an engine answers, %s reads it or says why not.", (_, read) => {
  const bodies = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .dictionary(fc.constantFrom("Id", "Names", "State", "Config", "HostConfig"), fc.jsonValue())
      .map((one) => JSON.stringify([one, { ...sampleAnswer("other"), ...one }])),
  );
  fc.assert(
    fc.property(bodies, (body) => {
      try {
        read(body);
      } catch (error) {
        expect((error as Error).message).toMatch(/is no JSON$|is not as Docker says it$/);
      }
    }),
  );
});
