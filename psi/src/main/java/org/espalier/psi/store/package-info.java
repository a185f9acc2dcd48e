/** Large lists without an object per element: on disk, or in primitive arrays. */
package org.espalier.psi.store;
