import { ByteBuffer } from "../data/bytes.ts";
import { Failure } from "../errors.ts";
import { type AnswerReader, Exchange, type Question } from "./exchange.ts";

/**
 * Asks an engine and hands its answer to `reader` as it comes. Resolves with what `reader.end` returns; rejects with
 * a Failure for everything else, an engine's refusal included.
 */
export function ask<T>(question: Question, reader: AnswerReader<T>): Promise<T> {
  const { failure } = question.stop;
  if (failure !== undefined) return Promise.reject(failure);
  return new Promise((resolve, reject) => {
    new Exchange(question, reader, (failure) => {
      if (failure !== undefined) return reject(failure);
      try {
        resolve(reader.end());
      } catch (error) {
        reject(error);
      }
    });
  });
}

/**
 * Asks and holds the whole answer, which may have `maxBytes`. `late` gets one that still came when the question was
 * broken off: the two can cross.
 */
export function askWhole(
  question: Question,
  maxBytes: number,
  late?: (answer: Buffer) => void,
): Promise<Buffer> {
  const body = new ByteBuffer(undefined, question.hold);
  const parting = late && {
    readsOn: true,
    ended(isWhole: boolean) {
      if (isWhole) late(body.take());
    },
  };
  return ask(parting === undefined ? question : { ...question, parting }, {
    data(bytes) {
      body.appendCopy(bytes);
      if (body.length > maxBytes) {
        throw new Failure(`${question.instance.role}_failed`, {
          detail: `its answer is over ${maxBytes} bytes`,
        });
      }
    },
    end: () => body.take(),
  });
}
