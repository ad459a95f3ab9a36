import { DeadLetters } from "./DeadLetters";
import { Jobs } from "./Jobs";
import { Upload } from "./Upload";
import { may, useMe } from "../me";

/** Add documents, and see what becomes of them. Of the address: `job`. */
export function IngestView({ link, collection }: { link: URLSearchParams; collection: string }) {
  const me = useMe();
  return (
    <>
      <h1>Add documents</h1>
      {may(me, "write") ? (
        <Upload collection={collection} />
      ) : (
        <p class="hint">Your key may read alone. To add documents takes one with the scope “write”.</p>
      )}
      <Jobs collection={collection} chosen={link.get("job")} />
      {may(me, "admin") && <DeadLetters collection={collection} />}
    </>
  );
}
