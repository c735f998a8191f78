import ij.CompositeImage;
import ij.IJ;
import ij.ImagePlus;
import ij.io.Opener;
import ij.process.ImageProcessor;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;

/**
 * Prints what ImageJ opens of the paths that it is given: for each width, height, channels, slices,
 * frames, bits and whether it is a hyperstack, in one line, and the value of each pixel of each
 * image, calibrated, as a big-endian float; of colours the 32 bits.
 */
public class ImageJStacks {
    public static void main(String[] paths) throws Exception {
        // ImageJ itself reports errors on the standard output.
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        System.setOut(System.err);
        for (String path : paths) {
            ImagePlus stack = new Opener().openTiff("", path);
            if (stack == null) {
                throw new Exception(path + " is not read");
            }
            int[] size = stack.getDimensions();
            out.writeBytes(String.format("%d %d %d %d %d %d %b\n", size[0], size[1], size[2],
                    size[3], size[4], stack.getBitDepth(), stack.isHyperStack()));
            for (int number = 1; number <= stack.getStackSize(); number++) {
                ImageProcessor pixels = stack.getStack().getProcessor(number);
                pixels.setCalibrationTable(stack.getCalibration().getCTable());
                boolean colours = stack.getBitDepth() == 24;
                for (int y = 0; y < size[1]; y++) {
                    for (int x = 0; x < size[0]; x++) {
                        if (colours) {
                            out.writeInt(pixels.get(x, y));
                        } else {
                            out.writeFloat(pixels.getPixelValue(x, y));
                        }
                    }
                }
            }
        }
        out.flush();
        System.exit(0);
    }
}
