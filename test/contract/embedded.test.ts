import { engineStore } from '../support/engine-store.ts';
import { storeContract } from './contract.ts';

storeContract('the embedded engine', engineStore);
