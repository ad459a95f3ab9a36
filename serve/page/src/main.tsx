import { render } from "preact";
import { App } from "./App";
import { lightTokens } from "./search/light";

lightTokens();
const page = document.getElementById("page")!;
page.replaceChildren();
render(<App />, page);
