import { render } from "preact";
import { App } from "./App";
import { lightTokens } from "./search/light";

lightTokens();
render(<App />, document.getElementById("page")!);
