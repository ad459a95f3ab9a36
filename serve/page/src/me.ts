import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Schemas } from "./api/ask";

export type Me = Schemas["Caller"];

export const MeContext = createContext<Me | null>(null);

/** Who uses the page, and what they may do. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("the page isn't open yet");
  return me;
}

export function may(me: Me, scope: "read" | "write" | "admin"): boolean {
  return me.scopes.includes(scope);
}
