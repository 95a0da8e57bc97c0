/** Asks whoever is signed in for both factors again, in one dialog for the whole application. */
import { whenFresh, type Outcome } from './when-fresh';

class StepUp {
  /** Whether the dialog is open. */
  asking = $state(false);
  #answer: (proven: boolean) => void = () => {};

  run<T>(act: () => Promise<T>): Promise<Outcome<T>> {
    return whenFresh(act, () => this.#ask());
  }

  /** The person has proved themselves, or would not. */
  settle(proven: boolean): void {
    this.asking = false;
    this.#answer(proven);
  }

  #ask(): Promise<boolean> {
    this.#answer(false);
    this.asking = true;
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }
}

export const stepUp = new StepUp();
