import { engineStore } from '../../support/engine-store.ts';
import { storeContract } from './contract.ts';
import { lostAnswers } from './lost-answers.ts';

const ENGINE = 'the embedded engine';
storeContract(ENGINE, engineStore);
lostAnswers(ENGINE, engineStore);
