/** What the elements of all views become when the page is built. */
export { Fragment, h } from "preact";
