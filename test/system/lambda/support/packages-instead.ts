/**
 * Loaded first by every process of a test (`--import`): where a local cloud would load the functions' code, it loads
 * what runs their packages. So `berth up` itself runs on Lambda's own runtime without knowing it.
 */
import { registerHooks } from 'node:module';

const THE_CODE = new URL('../../../../infra/local/handlers.ts', import.meta.url).href;
const THE_PACKAGES = new URL('handlers.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const isWanted = resolved.url === THE_CODE && context.parentURL !== THE_PACKAGES;
    return isWanted ? { ...resolved, url: THE_PACKAGES } : resolved;
  },
});
