import { useState } from "preact/hooks";
import { ask, type Problem } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { may, useMe } from "../me";
import type { Options } from "../search/settings";
import type { Judging } from "./JudgeButtons";

/** Queries at most: each is a search. */
const EVALUATED = 200;

const PAUSE = 600;

const NONE: ReadonlyMap<string, number> = new Map();

interface Shown extends Judging {
  /** Counts what was said here, so that what depends on it is asked again. */
  changes: number;
  problem?: Problem;
}

/** The judgements of a query, whose hits are shown, and what it takes to add to them. */
export function useJudging(query: string, collection: string): Shown {
  const me = useMe();
  const [changes, setChanges] = useState(0);
  const [failed, fail] = useState<Problem>();
  const known = useAnswer(
    me.judgements && query !== "" &&
      (async (signal) => {
        const found = await ask("GET", "/v1/judgements", { query: { collection, query, limit: 1000 }, signal });
        return { query, grades: new Map(found.judgements.map(({ id, grade }) => [id, grade])) };
      }),
    [query, collection, changes],
  );
  const judge = async (id: string, grade: number | null) => {
    fail(undefined);
    try {
      await ask("POST", "/v1/judgements", { body: { collection, judgements: [{ query, id, grade }] } });
      setChanges((before) => before + 1);
    } catch (error) {
      fail(error as Problem);
    }
  };
  const problem = failed ?? known.problem;
  return {
    // Those of another query are not those of these hits.
    grades: known.value?.query === query ? known.value.grades : NONE,
    changes,
    ...(problem && { problem }),
    ...(me.judgements && may(me, "write") && { judge: (id, grade) => void judge(id, grade) }),
  };
}

/** nDCG@10 over the queries that were judged last, with the options of a search. */
export function useQuality({ limit: _, filter: __, ...options }: Options, changes: number, isThere = true) {
  const body = { ...options, limit: EVALUATED };
  return useAnswer(
    // Hundreds of searches: not for each place that a slider passes.
    useMe().judgements && isThere && ((signal) => pause(signal).then(() => ask("POST", "/v1/judgements/evaluate", { body, signal }))),
    [JSON.stringify(body), changes, isThere],
  );
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, PAUSE);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
