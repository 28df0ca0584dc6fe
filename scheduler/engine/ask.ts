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

/** Asks and holds the whole answer, which may have `maxBytes`. */
export function askWhole(question: Question, maxBytes: number): Promise<Buffer> {
  const body = new ByteBuffer();
  return ask(question, {
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
