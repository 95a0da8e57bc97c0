/** On which prices the workbench works; kept while the tab lives, so that factors are seen on the same data. */
import type { Adjust } from '../api/factors';

class Choice {
  dataset = $state('');
  adjust: Adjust = $state('splits');
}

export const choice = new Choice();
