/** The mapper of an engine. */
import type { Engine, Mapper } from '../../index.js'

export const mapperOf = (engine: Engine): Mapper => (engine as unknown as { readonly mapper: Mapper }).mapper
