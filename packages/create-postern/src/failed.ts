/** A mistake of the user's or of the machine's: one line, without a stack. */
export class Failed extends Error {}
