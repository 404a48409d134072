/**
 * An edit as the one who made it holds it: a promise of where it stands, and the way to take it back.
 *
 * @module
 */

/** @typedef {import('./pending.js').EditPosition} EditPosition */
/** @typedef {import('./undo.js').UndoResult} UndoResult */

/**
 * How an edit is kept for undo.
 *
 * @typedef {object} EditOptions
 * @property {boolean} [undo] false: it is not kept for undo
 * @property {string} [scope] only an undo of this scope takes it back, or one of all scopes
 * @property {string} [group] undone together with the edits before it that name the same group
 */

/**
 * Can be awaited like a promise: resolved once the edit is durable, rejected with `EditError` after it
 * was refused and rolled back.
 *
 * @template {EditPosition} [T=EditPosition]
 * @implements {Promise<T>}
 */
export class Edit {
  #outcome;
  #undo;
  #quiet;
  #looked = false;

  [Symbol.toStringTag] = 'Edit';

  /**
   * @param {{ id: string, channel: string, ops: readonly import('./types.js').Op[] }} what
   * @param {Promise<T>} outcome
   * @param {() => Promise<UndoResult>} undo
   * @param {(error: Error) => boolean} quiet whether somebody is told of a refusal otherwise
   */
  constructor({ id, channel, ops }, outcome, undo, quiet) {
    /** A UUID of version 7; empty if it never was an edit. */
    this.id = id;
    this.channel = channel;
    this.ops = ops;
    this.#outcome = outcome;
    this.#undo = undo;
    this.#quiet = quiet;
    // A refusal that nobody hears of is an uncaught error, as with any promise.
    outcome.catch((error) => setTimeout(() => this.#looked || quiet(error) || void Promise.reject(error)));
  }

  /** Where the edit stands in the log, once it is durable. @returns {Promise<T>} */
  get ack() {
    this.#looked = true;
    return this.#outcome;
  }

  /**
   * Takes this edit back, and nothing that others have done since.
   *
   * @returns {Promise<UndoResult>}
   */
  undo() {
    return this.#undo();
  }

  /**
   * The same edit with more in its outcome.
   *
   * @template {object} More
   * @param {More} more
   * @returns {Edit<T & More> & More}
   */
  with(more) {
    const outcome = this.ack.then((position) => ({ ...position, ...more }));
    return Object.assign(new Edit(this, outcome, this.#undo, this.#quiet), more);
  }

  /**
   * @template [A=T]
   * @template [B=never]
   * @param {((value: T) => A | PromiseLike<A>) | null} [onDone]
   * @param {((reason: any) => B | PromiseLike<B>) | null} [onRefused]
   * @returns {Promise<A | B>}
   */
  then(onDone, onRefused) {
    return this.ack.then(onDone, onRefused);
  }

  /**
   * @template [B=never]
   * @param {((reason: any) => B | PromiseLike<B>) | null} [onRefused]
   * @returns {Promise<T | B>}
   */
  catch(onRefused) {
    return this.ack.catch(onRefused);
  }

  /** @param {(() => void) | null} [onEnd] @returns {Promise<T>} */
  finally(onEnd) {
    return this.ack.finally(onEnd);
  }
}
