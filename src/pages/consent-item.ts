/** One line of the consent page. */
export interface ConsentItem {
  readonly title: string;
  readonly detail: string | undefined;
  /** Marked, because people would want to notice it. */
  readonly sensitive: boolean;
  /** The API it is for; undefined: the account itself. */
  readonly owner: string | undefined;
  /** Single facts of it, each on its line. */
  readonly members?: readonly { readonly name: string; readonly value: string }[];
}
