import { response, type Schemas } from "../api/ask";

type State = Schemas["JobState"];

/** Follow a job until it is finished: the service sends its counts each time that they change. */
export async function follow(id: string, collection: string, tell: (state: State) => void, signal: AbortSignal): Promise<void> {
  for (let finished = false; !finished && !signal.aborted; ) {
    // EventSource couldn't send the API key.
    const events = await response("GET", "/v1/jobs/{id}/events", { path: { id }, query: { collection }, signal });
    const lines = events.body!.pipeThrough(new TextDecoderStream());
    let read = "";
    for await (const some of lines as unknown as AsyncIterable<string>) {
      const whole = (read + some).split("\n\n");
      read = whole.pop()!;
      for (const event of whole) {
        const data = event.match(/^data: ?(.*)$/m)?.[1];
        if (!data) continue;
        if (/^event: ?lost$/m.test(event)) return;
        const state = JSON.parse(data) as State;
        finished ||= state.finished;
        tell(state);
      }
    }
    // The service stopped: it says so, and another one may answer soon.
    if (!finished) await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}
