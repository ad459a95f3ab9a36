import { useRef, useState } from "preact/hooks";
import { ask, type Schemas } from "../api/ask";
import { useAnswer } from "../api/use-answer";
import { useMe } from "../me";
import { asCurl, asPython } from "./code";

const WAYS = ["curl", "Python", "Qdrant"] as const;

/** The search that is shown, to run it elsewhere. */
export function Elsewhere({ body }: { body: Schemas["SearchBody"] }) {
  const { keys } = useMe();
  const shown = useRef<HTMLPreElement>(null);
  const [way, choose] = useState<(typeof WAYS)[number]>("curl");
  const [copied, setCopied] = useState("");
  const request = useAnswer(
    way === "Qdrant" ? (signal) => ask("POST", "/v1/search/qdrant-request", { body, signal }) : null,
    [way, JSON.stringify(body)],
  );
  const { value } = request;
  const text =
    way === "curl"
      ? asCurl(body, keys)
      : way === "Python"
        ? asPython(body, keys)
        : value
          ? `${value.method} ${value.path}\n${JSON.stringify(value.body, null, 2)}`
          : (request.problem?.message ?? "…");
  const copy = async () => {
    getSelection()?.selectAllChildren(shown.current!);
    // Browsers let pages of this machine and of https alone copy by themselves.
    if (!navigator.clipboard) return;
    await navigator.clipboard.writeText(text);
    setCopied(text);
  };
  return (
    <details class="panel elsewhere">
      <summary>
        <h2>This search as code</h2>
      </summary>
      <div class="tabs" role="group" aria-label="Language">
        {WAYS.map((each) => (
          <button class="plain" aria-pressed={way === each} onClick={() => choose(each)}>
            {each}
          </button>
        ))}
        <button class="plain copy" onClick={() => void copy()}>
          {copied === text ? "Copied" : navigator.clipboard ? "Copy" : "Select"}
        </button>
      </div>
      <pre ref={shown} tabIndex={0} aria-label={`The search as ${way}`}>
        {text}
      </pre>
    </details>
  );
}
