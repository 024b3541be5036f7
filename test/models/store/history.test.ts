import { engineStore } from '../../support/engine-store.ts';
import { historyContract } from './history-contract.ts';

historyContract('the embedded engine', engineStore);
