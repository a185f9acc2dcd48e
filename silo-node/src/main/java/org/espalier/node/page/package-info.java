/** Text, HTML and plots for people; knows nothing of where they are shown. */
package org.espalier.node.page;
